"""CPU seconds and peak memory of Sundial's engine and of its peers on the same prediction log."""
