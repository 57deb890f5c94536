"""System checks of the configuration, numbered: what must hold before any process starts."""
