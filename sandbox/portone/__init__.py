"""Decides nothing: names the package of the offline PortOne V2 simulator.

Start it with ``portone-simulator`` or ``sandbox.portone.server.serve_in_process``.
"""
