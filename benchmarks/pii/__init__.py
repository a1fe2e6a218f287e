"""What finds patterns of personal data: Sundial and its peers on one corpus."""
