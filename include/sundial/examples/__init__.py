"""Six worked examples of systems that cities run: generated data, with faults that can be seeded."""
