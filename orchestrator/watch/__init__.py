"""One cycle: look, decide (pure `step`), act, say so in one sentence."""
