"""One asset per subject: the staged batches of its sources become one history."""
