"""Live Upbit data inside PyQt6: one service, typed exact events, wishes that die with their widgets."""
