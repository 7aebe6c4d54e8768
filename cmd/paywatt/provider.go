package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/provider"
)

func newProviderCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "provider", Short: "Add payment providers, or simulate them"}
	cmd.AddCommand(newProviderSimulate(c), newProviderAdd(c), newProviderList(c), newProviderSecrets(c),
		newProviderChange(c, "enable", "Begin to hear a payment provider", (*client.Client).EnablePaymentProvider),
		newProviderChange(c, "register", "Register the server's addresses with a payment provider", (*client.Client).RegisterPaymentProvider),
		newProviderChange(c, "disable", "Block a payment provider at once", (*client.Client).DisablePaymentProvider))
	return cmd
}

// providerFile is the file of a new provider: what it needs, and its secrets.
type providerFile struct {
	Config  map[string]any `json:"config"`
	Secrets map[string]any `json:"secrets"`
}

// readProviderFile reads the file of a new provider. A provider of the kind statement needs none; of any other kind, the server says what is
// missing.
func readProviderFile(name string) (f providerFile, err error) {
	if name == "" {
		return f, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return f, fmt.Errorf("read the file of --config: %w", err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, usage("The file of --config is not a JSON object with config and secrets.", "docs/guide/payments.md shows one.")
	}
	return f, nil
}

// providerSecretOnce goes before a signing secret that the server drew.
const providerSecretOnce = "The signing secret below is shown only once. Whoever knows it can make payments. Give it only to the program that signs."

// readSecrets reads a file with the secrets of a provider: a JSON object, also below "secrets" as in the file of a new provider.
func readSecrets(name string) (map[string]any, error) {
	f, err := readProviderFile(name)
	if err != nil || f.Secrets != nil {
		return f.Secrets, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the file of secrets: %w", err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || len(out) == 0 {
		return nil, usage("The file of secrets is not a JSON object.", "docs/guide/payments.md shows one.")
	}
	return out, nil
}

func newProviderSecrets(c console) *cobra.Command {
	var n apiv1.NewProviderSecrets
	var file string
	cmd := &cobra.Command{
		Use: "secrets NAME", Short: "Replace the secrets of a payment provider", Args: cobra.ExactArgs(1),
		Example: "  paywatt provider secrets bank --overlap 24\n  paywatt provider secrets bank --new-address",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) (err error) {
			if file != "" {
				if n.Secrets, err = readSecrets(file); err != nil {
					return err
				}
			}
			p, err := api.ReplaceProviderSecrets(cmd.Context(), args[0], n)
			return answer(c, cmd, p, err, providerTable)
		}),
	}
	cmd.Flags().StringVar(&file, "secrets", "", "file with the new secrets as JSON, if the provider gave them and no second person must agree")
	cmd.Flags().BoolVar(&n.NewAddress, "new-address", false, "draw a new address too; the old one ends at once, so register the new one with the provider")
	cmd.Flags().Int64Var(&n.OverlapHours, "overlap", 0, "how many hours the old secrets go on; 0 ends them at once")
	return cmd
}

func newProviderAdd(c console) *cobra.Command {
	var n apiv1.NewPaymentProvider
	var file, single, daily string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a payment provider, and print the address to register with it", Args: cobra.ExactArgs(1),
		Example: "  paywatt provider add bank --kind webhook --config bank.json --max-single 10000 --max-daily 200000\n" +
			"  paywatt provider add bank --kind statement --max-single 10000 --max-daily 200000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			f, err := readProviderFile(file)
			if err != nil {
				return err
			}
			n.Name, n.Config, n.Secrets = args[0], f.Config, f.Secrets
			if n.MaxSingleMinor, err = c.minor(cmd, api, "--max-single", single); err != nil {
				return err
			}
			if n.MaxDailyMinor, err = c.minor(cmd, api, "--max-daily", daily); err != nil {
				return err
			}
			p, err := api.AddPaymentProvider(cmd.Context(), n)
			return answer(c, cmd, p, err, providerTable)
		}),
	}
	choiceFlag(cmd.Flags(), &n.Kind, "kind", "which language it speaks (needed)", enum[apiv1.NewPaymentProvider]("Kind"))
	cmd.Flags().StringVar(&file, "config", "", "file with its configuration and secrets as JSON (needed, except by the kind statement)")
	cmd.Flags().StringVar(&single, "max-single", "", "most that is confirmed in one payment without asking it")
	cmd.Flags().StringVar(&daily, "max-daily", "", "most that is confirmed in 24 hours without asking it")
	return cmd
}

func newProviderList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.PaymentProvider]{
		use: "list", of: apiv1.PaymentProviders, page: (*client.Client).PaymentProviders,
		table: columns("name, kind, heard, added by, added, id", func(p apiv1.PaymentProvider) []any {
			return []any{p.Name, p.Kind, p.Heard, p.AddedBy, timeText(&p.AddedAt), p.ID}
		}),
	}.command(c)
}

func newProviderChange(c console, use, short string, do func(*client.Client, context.Context, string) (apiv1.PaymentProvider, error)) *cobra.Command {
	return &cobra.Command{
		Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
		Example: "  paywatt provider " + use + " bank",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := do(api, cmd.Context(), args[0])
			return answer(c, cmd, p, err, providerTable)
		}),
	}
}

func providerTable(p apiv1.PaymentProvider) table {
	out := []string{"provider", p.Name, "kind", p.Kind, "id", p.ID, "heard", strconv.FormatBool(p.Heard)}
	if p.Path != "" {
		out = append(out, "address (secret)", p.Path)
	}
	if p.Secret != "" {
		out = append(out, "signing secret (shown only once)", p.Secret)
	}
	if provider.Unverified(p.Kind) {
		out = append(out, "unverified", "Nobody has tried this kind with the real provider. Begin with small amounts and compare with its statement.")
	}
	return fields(out...)
}
