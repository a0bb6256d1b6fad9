"""Other people's audits on our plants."""
