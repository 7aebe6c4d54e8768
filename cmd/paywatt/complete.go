package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// completionTime is how long the shell waits for values from the server. After this time the shell completes nothing.
const completionTime = time.Second

// source finds the values of a word or option; args are the words before it.
type source func(ctx context.Context, api *client.Client, args []string) []string

// completed registers the completion of words and options for each command of a tree.
func (c console) completed(cmd *cobra.Command) {
	if words := wordsOf(cmd); len(words) > 0 || cmd.Runnable() && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) >= len(words) {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c.complete(cmd, words[len(args)], args, begun)
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		values := func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			return c.complete(cmd, "--"+f.Name, args, begun)
		}
		if set, is := f.Value.(*choice); is {
			values = cobra.FixedCompletions(set.of, cobra.ShellCompDirectiveNoFileComp)
		} else if f.Value.Type() == "bool" || slices.Contains(fileOptions(), f.Name) {
			return
		}
		_ = cmd.RegisterFlagCompletionFunc(f.Name, values) // fails only if the option is registered twice
	})
	for _, sub := range cmd.Commands() {
		c.completed(sub)
	}
}

// wordsOf returns the arguments of a command as its use line names them: METER, AMOUNT.
func wordsOf(cmd *cobra.Command) (words []string) {
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(word, "-") {
			break // the rest of the use line has required options
		}
		words = append(words, strings.Trim(word, "[]"))
	}
	return words
}

// fileOptions are the options whose value is a file or folder, which the shell completes by itself.
func fileOptions() []string {
	return []string{"board", "card", "config", "cpuprofile", "csv", "data", "dir", "draft", "file", "head", "key-file", "keys", "modem", "mqtt-ca", "mqtt-revoked", "out",
		"modem-pin-file", "passphrase-file", "pin-file", "port", "pty", "record", "since", "state", "tls-cert", "tls-key", "vending-key-file"}
}

// fileWords are the placeholders in a command's usage that stand for a file or folder.
func fileWords() []string { return []string{"FILE", "FOLDER", "RECEIPT", "FILE|DIR", "sqlite:DIR"} }

// complete finds the values of a word or option.
func (c console) complete(cmd *cobra.Command, word string, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if slices.Contains(fileWords(), word) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	noun := cmd.Name()
	if cmd.HasParent() && cmd.Parent().HasParent() {
		noun = cmd.Parent().Name()
	}
	values := closedSet(noun, word)
	if ask := sourceOf(noun, cmd.Name(), word); ask != nil {
		values = c.asked(cmd.Context(), ask, args)
	}
	var fit []string
	for _, v := range values {
		if strings.HasPrefix(v, begun) && !strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }) {
			fit = append(fit, v)
		}
	}
	return fit, cobra.ShellCompDirectiveNoFileComp
}

// closedSet are the values that this program knows.
func closedSet(noun, word string) []string {
	switch word {
	case "TYPE":
		return enum[apiv1.NewCommand]("Type")
	case "--deliver":
		return []string{"mqtt"}
	case "--" + legacyFlag:
		return []string{legacySketch, legacyToggle}
	case "KIND":
		return enum[apiv1.NewTokens]("Kind")
	case "COMPONENT":
		return componentNames()
	case "NAME":
		if noun == "profile" {
			return profileNames()
		}
	}
	return nil
}

// asked returns values that the server knows. It returns none without a key, a server or the right to read them.
func (c console) asked(ctx context.Context, ask source, args []string) []string {
	api, err := c.connect()
	if err != nil {
		return nil
	}
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.periods.completion, completionTime))
	defer cancel()
	return ask(ctx, api, args)
}

// sourceOf returns the source of the values of a word or option, or nil if there is none. No source returns a secret: tokens are listed by
// id, never by digits.
func sourceOf(noun, verb, word string) source {
	switch word {
	case "METER", "ACCOUNT", "--meter", "--account":
		return meterNumbers
	case "SALE", "--sale":
		return sales
	case "VENDOR", "--vendor":
		return listed((*client.Client).Vendors, func(v apiv1.Vendor) string { return v.Code })
	case "DEBT":
		return filtered((*client.Client).Debts, apiv1.OwingFilter{Open: true}, func(d apiv1.Debt) string { return d.ID })
	case "MESSAGE":
		return filtered((*client.Client).Messages, apiv1.MessageFilter{}, func(m apiv1.Message) string { return m.ID })
	case "TOKEN":
		return tokenIDs
	case "CODE", "--code":
		return filtered((*client.Client).LedgerAccounts, apiv1.LedgerFilter{}, func(a apiv1.LedgerAccount) string { return strconv.Itoa(a.Code) })
	case "--tariff":
		return tariffNames
	case "--route":
		return routeNames
	case "--customer":
		return customerIDs
	case "NAME":
		if noun == "tariff" && verb != "add" {
			return tariffNames
		}
	case "ID":
		return idSource(noun)
	}
	return nil
}

// idSource returns the source of the ids of a noun.
func idSource(noun string) source {
	switch noun {
	case "approval":
		return filtered((*client.Client).Approvals, apiv1.ApprovalFilter{State: "waiting"}, func(a apiv1.Approval) string { return a.ID })
	case "quarantine":
		return filtered((*client.Client).Quarantine, apiv1.QuarantineFilter{}, func(q apiv1.Quarantined) string { return q.ID })
	case "customer":
		return customerIDs
	}
	return nil
}

// listed asks for a list without a filter.
func listed[T any](page func(*client.Client, context.Context, apiv1.Page) (apiv1.List[T], error), name func(T) string) source {
	return func(ctx context.Context, api *client.Client, _ []string) []string {
		return names(func(p apiv1.Page) (apiv1.List[T], error) { return page(api, ctx, p) }, name)
	}
}

// filtered asks for a list with a filter.
func filtered[F, T any](page func(*client.Client, context.Context, F) (apiv1.List[T], error), f F, name func(T) string) source {
	return func(ctx context.Context, api *client.Client, _ []string) []string {
		paging := any(&f).(interface{ Paging() *apiv1.Page }).Paging()
		return names(func(p apiv1.Page) (apiv1.List[T], error) {
			*paging = p
			return page(api, ctx, f)
		}, name)
	}
}

// names returns the names in a list's rows without duplicates, as many as the server returns in time.
func names[T any](page func(apiv1.Page) (apiv1.List[T], error), name func(T) string) []string {
	var out []string
	seen := map[string]bool{}
	for p := (apiv1.Page{Limit: 200}); ; {
		l, err := page(p)
		if err != nil {
			return out
		}
		for _, row := range l.Data {
			if n := name(row); n != "" && !seen[n] {
				out, seen[n] = append(out, n), true
			}
		}
		if p.Cursor = l.NextCursor; p.Cursor == "" {
			return out
		}
	}
}

func meterNumbers(ctx context.Context, api *client.Client, args []string) []string {
	return filtered((*client.Client).Meters, apiv1.MeterListFilter{}, func(m apiv1.Meter) string { return m.Number })(ctx, api, args)
}

func tariffNames(ctx context.Context, api *client.Client, args []string) []string {
	return listed((*client.Client).Tariffs, func(t apiv1.Tariff) string { return t.Name })(ctx, api, args)
}

func customerIDs(ctx context.Context, api *client.Client, args []string) []string {
	return filtered((*client.Client).Customers, apiv1.CustomerFilter{}, func(c apiv1.CustomerEntry) string { return c.ID })(ctx, api, args)
}

// tokenIDs returns the tokens of the meter that the first argument names.
func tokenIDs(ctx context.Context, api *client.Client, args []string) []string {
	if len(args) == 0 {
		return nil
	}
	return filtered((*client.Client).Tokens, apiv1.MeterFilter{Meter: args[0]}, func(t apiv1.MeterToken) string { return t.ID })(ctx, api, args)
}

func routeNames(ctx context.Context, api *client.Client, _ []string) (out []string) {
	r, err := api.MessageRoutes(ctx)
	if err != nil {
		return nil
	}
	for _, w := range r.Routes {
		out = append(out, w.Name)
	}
	return out
}

// sales returns receipt numbers and ids of the newest sales. It looks up the receipt numbers of at most 20 of these sales. The sales come
// from the books or, for a key that may not read the books, from the meters' tokens.
func sales(ctx context.Context, api *client.Client, args []string) []string {
	const newest = 20
	ids := filtered((*client.Client).Journals, apiv1.JournalFilter{}, func(j apiv1.Journal) string {
		if j.Kind != "vend" {
			return ""
		}
		return j.Ref
	})(ctx, api, args)
	for _, meter := range meterNumbers(ctx, api, nil) {
		if len(ids) >= newest {
			break
		}
		for _, v := range filtered((*client.Client).Tokens, apiv1.MeterFilter{Meter: meter}, func(t apiv1.MeterToken) string { return t.Vend })(ctx, api, nil) {
			if !slices.Contains(ids, v) {
				ids = append(ids, v)
			}
		}
	}
	var receipts []string
	for _, id := range ids[:min(len(ids), newest)] {
		v, err := api.VendByID(ctx, id)
		if err != nil {
			break
		}
		if v.ReceiptNo != "" {
			receipts = append(receipts, v.ReceiptNo)
		}
	}
	return append(receipts, ids...)
}
