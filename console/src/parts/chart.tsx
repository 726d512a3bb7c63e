import { useEffect, useId, useState } from "preact/hooks";
import { shortDay } from "../format";
import { useTexts } from "../texts";

export interface Series {
  name: string;
  tone: string;
  values: (number | null)[];
}

const HEIGHT = 200;
const LEFT = 52;
const BOTTOM = 22;
const TOP = 10;

/** A round number at or above the largest value, so that the axis has whole steps. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

/**
 * Days from left to right, drawn by hand as SVG: bars side by side or lines. The picture is one image to a screen
 * reader; the figures are in the table below it, which everybody can open.
 */
export function Chart(props: {
  title: string; kind: "bars" | "lines"; wide?: boolean; days: string[]; series: Series[]; format: (value: number) => string; axis: (value: number) => string;
}) {
  const { t, language } = useTexts();
  const narrow = useNarrow();
  // About as many units as pixels, so that letters are as large as everywhere.
  const WIDTH = props.wide === true && !narrow ? 1040 : 500;
  const id = useId();
  const [hovered, setHovered] = useState<number | null>(null);
  const all = props.series.flatMap((one) => one.values).filter((value): value is number => value !== null);
  const empty = all.every((value) => value === 0);
  const top = roundUp(Math.max(0, ...all));
  const slot = (WIDTH - LEFT) / props.days.length;
  const x = (index: number) => LEFT + slot * index;
  const y = (value: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const labelled = Math.ceil(props.days.length / (WIDTH > 500 ? 10 : narrow ? 4 : 5));

  return (
    <figure class="chart card" aria-labelledby={id}>
      <figcaption>
        <h2 id={id}>{props.title}</h2>
        <ul class="legend">
          {props.series.map((one) => (
            <li key={one.name} class={one.tone}>
              <i />{one.name}
              {hovered !== null && <b>{one.values[hovered] == null ? "–" : props.format(one.values[hovered] as number)}</b>}
            </li>
          ))}
          <li class="soft">{hovered === null ? t.days : shortDay(props.days[hovered] ?? "", language)}</li>
        </ul>
      </figcaption>
      {empty ? <p class="soft empty">{t.noFigures}</p> : (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={id} onMouseLeave={() => setHovered(null)}>
          {[0, 0.5, 1].map((part) => (
            <g key={part} class="grid">
              <line x1={LEFT} x2={WIDTH} y1={y(top * part)} y2={y(top * part)} />
              <text x={LEFT - 8} y={y(top * part) + 4} text-anchor="end">{props.axis(top * part)}</text>
            </g>
          ))}
          {props.days.map((day, index) => index % labelled === 0 && (
            <text key={day} class="tick" x={x(index) + slot / 2} y={HEIGHT - 4} text-anchor="middle">{shortDay(day, language)}</text>
          ))}
          {props.series.map((one, number) => props.kind === "bars"
            ? <Bars key={one.name} series={one} number={number} of={props.series.length} slot={slot} x={x} y={y} />
            : <Line key={one.name} series={one} slot={slot} x={x} y={y} />)}
          {props.days.map((day, index) => (
            <rect key={day} class={hovered === index ? "day on" : "day"} x={x(index)} y={TOP} width={slot} height={HEIGHT - TOP - BOTTOM}
              onMouseEnter={() => setHovered(index)} onClick={() => setHovered(index)} />
          ))}
        </svg>
      )}
      {!empty && <Figures days={props.days} series={props.series} format={props.format} />}
    </figure>
  );
}

/** Whether this is a phone's width, also after it was turned. */
function useNarrow(): boolean {
  const [query] = useState(() => matchMedia("(max-width: 720px)"));
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const changed = () => setNarrow(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return narrow;
}

interface Drawn {
  series: Series;
  slot: number;
  x: (index: number) => number;
  y: (value: number) => number;
}

function Bars({ series, number, of, slot, x, y }: Drawn & { number: number; of: number }) {
  const width = Math.max(2, (slot - 4) / of - 1);
  return (
    <g class={series.tone}>
      {series.values.map((value, index) => value !== null && value > 0 && (
        <rect key={index} x={x(index) + 2 + number * (width + 1)} y={y(value)} width={width} height={Math.max(1, y(0) - y(value))} rx={Math.min(2, width / 2)} />
      ))}
    </g>
  );
}

function Line({ series, slot, x, y }: Drawn) {
  const points = series.values.flatMap((value, index) => (value === null ? [] : [[x(index) + slot / 2, y(value)] as const]));
  return (
    <g class={series.tone}>
      <polyline points={points.map((point) => point.join(",")).join(" ")} />
      {points.map(([cx, cy]) => <circle key={cx} cx={cx} cy={cy} r="3" />)}
    </g>
  );
}

function Figures(props: { days: string[]; series: Series[]; format: (value: number) => string }) {
  const { t, language } = useTexts();
  const told = props.days.map((day, index) => ({ day, index })).filter(({ index }) => props.series.some((one) => (one.values[index] ?? 0) !== 0)).reverse();
  return (
    <details>
      <summary>{t.asTable}</summary>
      <table class="figures">
        <thead><tr><th scope="col">{t.day}</th>{props.series.map((one) => <th key={one.name} scope="col" class="number">{one.name}</th>)}</tr></thead>
        <tbody>
          {told.map(({ day, index }) => (
            <tr key={day}>
              <th scope="row">{shortDay(day, language)}</th>
              {props.series.map((one) => <td key={one.name} class="number">{one.values[index] == null ? "–" : props.format(one.values[index] as number)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
