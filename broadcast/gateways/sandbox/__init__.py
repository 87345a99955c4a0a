"""The sandbox gateway: an HTTP server that speaks Evolution's dialect, sends to nobody, and keeps a ledger of arrivals.

Start it alone with `broadcast sandbox` or `python -m broadcast.gateways.sandbox`. Campaigns can be tried on it, and
every promise of the product is measured at its ledger.
"""
