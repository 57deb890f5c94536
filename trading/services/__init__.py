"""Services decide and write rows; entry points hand them venues, clocks and dispatch."""
