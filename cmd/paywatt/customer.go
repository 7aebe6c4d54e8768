package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newCustomerCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "customer", Short: "List customers"}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the customers", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			all, err := every(func(p client.Page) (client.List[client.Customer], error) { return api.Customers(cmd.Context(), p) })
			if err != nil {
				return err
			}
			t := table{head: []string{"name", "phone", "lang", "id"}}
			for _, v := range all {
				t.add(v.Name, v.Phone, v.Lang, v.ID)
			}
			return c.show(cmd, all, t)
		}),
	})
	return cmd
}
