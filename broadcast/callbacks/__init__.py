"""Callbacks on the wire: Standard Webhooks 1.0, signed, and posted nowhere but to where they may go."""
