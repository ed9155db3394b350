"""Tags that assets put on their run, for what looks at runs later."""

#: Tag of a failed run that kept an answer (another did not come, or it was refused): its day does not count as missed.
KEPT_ANSWERS = "petaday/kept_answers"
