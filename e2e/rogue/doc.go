// Package rogue plays a dishonest insider against a running server.
//
// P is everything that one human controls: keys of one role, a vendor of P's own, and P's own meters. The others work by a
// script, and approve nothing of P's. P sends random sequences of valid requests. At the end copies of all meters are offered
// every digit string that P saw, and run for 72 virtual hours under a known load. A [Verdict] compares what P and the others
// then have with what was paid for.
//
// The package drives the server only by HTTP and MQTT. Of this module it imports only the API's types, the meter's rules and
// the tokens, so a mistake of the server's rules cannot hide here. Shell access to the server is outside of the game: whoever
// has the data folder and the passphrase of the key store can make tokens without the server.
package rogue
