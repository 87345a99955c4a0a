"""What a campaign, a contact, a message and a receipt are. Pure: no clock, no I/O."""
