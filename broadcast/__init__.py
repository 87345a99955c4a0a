"""WhatsApp campaigns from a CRM: paced per number, never twice, never lost."""

__version__ = "0.1.0"
