"""What the account has and does: orders and assets."""
