"""Would it have paid? A replay with capital in place, and a report that adds up."""
