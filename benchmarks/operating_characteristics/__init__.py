"""How often the engine cries wolf, and how soon it sees a fault: simulated streams, replayed through it."""
