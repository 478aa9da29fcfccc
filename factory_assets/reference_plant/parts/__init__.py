"""Parts that the simulated factory photographs: surfaces, lights, defects and their exact masks."""
