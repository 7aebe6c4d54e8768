package main

// The program brings what a machine may lack: the time zones, and the certificates of the public authorities. Those of the machine come first,
// because they may be newer.
import (
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)
