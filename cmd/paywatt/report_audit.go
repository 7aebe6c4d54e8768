package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newReportAudit(c console) *cobra.Command {
	return list[apiv1.AuditFilter, apiv1.AuditEntry]{
		use: "audit", example: "  paywatt report audit --action vendor --from 2026-11-01", of: apiv1.AuditLog, page: (*client.Client).AuditLog,
		options: func(flags *pflag.FlagSet, f *apiv1.AuditFilter) {
			flags.StringVar(&f.Actor, "actor", "", "only rows whose actor has this text")
			flags.StringVar(&f.Action, "action", "", "only actions that begin with this text, such as vendor")
			flags.StringVar(&f.Object, "object", "", "only rows whose object has this text")
			flags.StringVar(&f.From, "from", "", "first local day, such as 2026-11-01")
			flags.StringVar(&f.To, "to", "", "last local day")
		},
		table: columns("at, actor, ip, action, object, alone, reason", func(e apiv1.AuditEntry) []any {
			return []any{timeText(&e.At), e.Actor, e.IP, e.Action, e.Object, e.SinglePerson, e.Reason}
		}),
	}.command(c)
}
