"""What is measured for each guiding principle: one module each, and `custom/` for a city's own."""
