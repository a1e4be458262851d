"""Peripherals in memory, on pseudo-terminals and on loopback sockets, that speak as real devices do."""
