package main

import "github.com/spf13/cobra"

// groups sorts the commands in the help, by who needs them; a command that stands nowhere here is listed at the end.
var groups = []struct {
	id, title string
	commands  []string
}{
	{"server", "Server:", []string{"serve", "config", "doctor"}},
	{"vending", "Vending:", []string{"vend", "explain", "tariff", "customer", "account", "debt", "charge", "vendor", "approval", "report", "token"}},
	{"meters", "Meters:", []string{"meter", "profile", "integration", "quarantine", "message"}},
	{"simulation", "Simulation:", []string{"demo", "vmeter", "modem", "sim", "replay", "bench"}},
	{"admin", "Administration:", []string{"utility", "apikey", "vendingkey", "clock", "backup", "verify", "store", "version", "licenses"}},
}

// group puts the root's commands under their headings.
func group(root *cobra.Command) {
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, name := range g.commands {
			for _, cmd := range root.Commands() {
				if cmd.Name() == name {
					cmd.GroupID = g.id
				}
			}
		}
	}
}
