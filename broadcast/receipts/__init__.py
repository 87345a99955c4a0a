"""The gateways' webhooks: receipts, and news of an instance."""
