"""A miniature Internet with real daemons: the drill, the demo and the test bench."""
