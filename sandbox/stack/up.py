"""Decides what `make up` starts and prints, and what `make down` stops."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sandbox.setup.guardian import signal_group
from sandbox.stack import state
from sandbox.stack.with_shop import StackWithShop

_STOP_SECONDS = 40.0

_MESSAGE = """\
The stack is running (stop it with `make down`).

  Buy something    {shop_url}
  See it as admin  {console_url}
                   {admin_email}
                   {admin_password}

  Supabase API     {api_url}
  publishable key  {publishable_key}
  secret key       {secret_key}
  database         {db_url}
  worker           {worker_url}
  PortOne (sim.)   {portone_url}
  its control API  {portone_control_url}
  logs             {logs}
  all of this      {file}

Try:

  # The worker's command line: is all set up right, how does the whole stand, what happened to a payment?
  set -a; . {worker_env}; set +a
  {bin}/portone-worker doctor
  {bin}/portone-worker status
  {bin}/portone-worker payments list

  # Is the worker ready?
  curl -s {worker_url}/health/ready

  # The payments, as the service role (through PostgREST's interface)
  curl -s '{api_url}/rest/v1/payments?select=payment_id,status,amount' -H 'apikey: {secret_key}'

  // From JavaScript, as a new user: row level security shows this user's payments only, none yet
  import {{ createClient }} from '@supabase/supabase-js'
  const supabase = createClient('{api_url}', '{publishable_key}')
  await supabase.auth.signUp({{ email: 'buyer@example.com', password: 'a-long-password' }})
  console.log(await supabase.from('payments').select())
"""


def up(file: Path = state.STACK_FILE) -> int:
    """Start the stack detached and print how to use it; say so when it runs already."""
    known = state.read(file)
    if known is not None and _running(known):
        sys.stdout.write("The stack is already running.\n\n" + _message(known, file))
        return 0
    if known is not None:
        down(file)
    sys.stdout.write(
        "Starting PostgreSQL, migrations, Supabase API, PortOne simulator, worker and shop ...\n"
    )
    sys.stdout.flush()
    logs = file.parent / "stack"
    shutil.rmtree(logs, ignore_errors=True)
    running = StackWithShop(logs, detached=True)
    running.start()
    try:
        described = {**state.describe(running.stack, running.children()), **running.described()}
        described["worker_env"] = str(state.write_settings(running.stack.worker_settings(), file.parent))
        state.write(described, file)
    except BaseException:
        running.stop()
        raise
    sys.stdout.write("\n" + _message(described, file))
    return 0


def down(file: Path = state.STACK_FILE) -> int:
    """Stop what `up` started, last started first, and remove its data."""
    known = state.read(file)
    if known is None:
        sys.stdout.write("No stack is running.\n")
        return 0
    for name in reversed(known["pids"]):
        if _alive(known, name):
            _stop(known, name)
    for folder in known["folders"]:
        shutil.rmtree(folder, ignore_errors=True)
    state.settings_file(file.parent).unlink(missing_ok=True)
    file.unlink()
    sys.stdout.write("Stopped.\n")
    return 0


def _stop(known: dict[str, Any], name: str) -> None:
    pid = known["pids"][name]
    signal_group(pid, known["processes"][name]["stop_signal"])
    deadline = time.monotonic() + _STOP_SECONDS
    while _alive(known, name) and time.monotonic() < deadline:
        time.sleep(0.05)
    signal_group(pid, signal.SIGKILL)


def _running(known: dict[str, Any]) -> bool:
    return all(_alive(known, name) for name in known["pids"])


def _alive(known: dict[str, Any], name: str) -> bool:
    started = known["processes"][name]["started"]
    return bool(started) and state.started_at(known["pids"][name]) == started


def _message(known: dict[str, Any], file: Path) -> str:
    # A stack that an older clone started has no such name in its file.
    settings = {"worker_env": str(state.settings_file(file.parent))}
    return _MESSAGE.format(file=file, bin=Path(sys.executable).parent, **{**settings, **known})
