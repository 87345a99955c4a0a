"""The far services. One file per dialect, both directions; the dialects do not know each other."""
