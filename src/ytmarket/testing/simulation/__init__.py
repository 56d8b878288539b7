"""The parts of the simulator: virtual time, ports that fail, people, workers, and what must be true."""
