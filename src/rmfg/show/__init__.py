"""What people look at: pure functions of an answer, fresh or loaded. Nothing here solves."""
