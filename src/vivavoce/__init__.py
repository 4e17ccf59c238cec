"""The Realtime API, whole and open: a client for any Realtime server, and a server for any Realtime client."""

__version__ = "0.1.0"
