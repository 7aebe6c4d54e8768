package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/notify"
)

func newCustomerCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "customer", Short: "Find, show, add and change customers"}
	show := &cobra.Command{
		Use: "show ID", Short: "Show a customer", Args: cobra.ExactArgs(1),
		Example: "  paywatt customer show cus_01jd00000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			v, err := api.Customer(cmd.Context(), args[0])
			return answer(c, cmd, v, err, customerTable)
		}),
	}
	cmd.AddCommand(newCustomerList(c), newCustomerAdd(c), show, newCustomerChange(c), newCustomerConfirmPhone(c), newCustomerPage(c))
	return cmd
}

func newCustomerList(c console) *cobra.Command {
	return list[apiv1.CustomerFilter, apiv1.CustomerEntry]{
		use: "list", example: "  paywatt customer list --find amina\n  paywatt customer list --find \"+254 700\"",
		of: apiv1.Customers, page: (*client.Client).Customers,
		options: func(flags *pflag.FlagSet, f *apiv1.CustomerFilter) {
			flags.StringVar(&f.Find, "find", "", "only customers whose name, telephone or meter number contains this")
		},
		table: columns("name, phone, lang, meters, id", func(v apiv1.CustomerEntry) []any {
			return []any{v.Name, v.Phone, v.Lang, strings.Join(v.Meters, " "), v.ID}
		}),
	}.command(c)
}

func newCustomerAdd(c console) *cobra.Command {
	var n apiv1.NewCustomer
	cmd := &cobra.Command{
		Use: "add", Short: "Register a customer", Args: cobra.NoArgs,
		Example: "  paywatt customer add --name \"Amina A.\" --phone +254700000001 --lang sw",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			v, err := api.AddCustomer(cmd.Context(), n)
			return answer(c, cmd, v, err, customerTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&n.Name, "name", "", "name of the customer")
	f.StringVar(&n.Phone, "phone", "", "telephone number with country code")
	f.StringVar(&n.IDNo, "id-no", "", "number of an identity document")
	choiceFlag(f, &n.Lang, "lang", "language of the messages: "+notify.LanguageChoices(), languageCodes())
	return cmd
}

func newCustomerChange(c console) *cobra.Command {
	var name, phone, idNo, lang string
	var notices, eraseName bool
	cmd := &cobra.Command{
		Use: "change ID", Short: "Change a customer's record",
		Long:    "Change a customer's record. Tokens and balances by SMS go to the telephone number in it.",
		Example: "  paywatt customer change cus_01jd00000000000000000000000 --phone +254700000001 --lang sw",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			change := apiv1.CustomerChange{Name: given(cmd, "name", &name), EraseName: eraseName, Phone: given(cmd, "phone", &phone),
				IDNo: given(cmd, "id-no", &idNo), Lang: given(cmd, "lang", &lang), Notices: given(cmd, "notices", &notices)}
			if change == (apiv1.CustomerChange{}) {
				return usage("No changes are given.", "Give --name, --erase-name, --phone, --id-no, --lang or --notices.")
			}
			v, err := api.ChangeCustomer(cmd.Context(), args[0], change)
			return answer(c, cmd, v, err, customerTable)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name of the customer")
	f.BoolVar(&eraseName, "erase-name", false, "erase the name for good, also from copies of earlier papers")
	f.StringVar(&phone, "phone", "", "telephone number with country code; empty for none")
	f.StringVar(&idNo, "id-no", "", "number of an identity document")
	choiceFlag(f, &lang, "lang", "language of the messages: "+notify.LanguageChoices(), languageCodes())
	f.BoolVar(&notices, "notices", true, "send warnings by SMS; --notices=false has the effect of the SMS STOP")
	return cmd
}

func newCustomerConfirmPhone(c console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "confirm-phone ID", Short: "Confirm a customer's changed telephone number",
		Long: "Confirm a customer's changed telephone number, so that tokens go there at once. Without it they wait 24 hours after the change.\n" +
			"The person who changed the number cannot confirm it.",
		Example: "  paywatt customer confirm-phone cus_01jd00000000000000000000000 --reason \"called the old number\"",
		Args:    cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			v, err := api.ConfirmPhone(cmd.Context(), args[0], reason)
			return answer(c, cmd, v, err, customerTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words")
	return cmd
}

// languageCodes are the languages of messages.
func languageCodes() (out []string) {
	for _, l := range notify.Languages() {
		out = append(out, l.String())
	}
	return out
}

func customerTable(v apiv1.Customer) table {
	return fields("id", v.ID, "name", v.Name, "phone", v.Phone, "id no", v.IDNo, "lang", v.Lang, "warnings", map[bool]string{false: "wanted", true: "not wanted"}[v.NoNotices])
}
