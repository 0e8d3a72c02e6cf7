"""Features from end to end: kept online in one process, and checked against offline rows."""
