package main

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newVoucherCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "voucher", Short: "Make, sell, end and redeem vouchers"}
	cmd.AddCommand(newVoucherMake(c), newVoucherPins(c), newVoucherSell(c), newVoucherCodes(c), newVoucherReissue(c), newVoucherEnd(c), newVoucherList(c), newVoucherShow(c), newVoucherRedeem(c))
	return cmd
}

func newVoucherMake(c console) *cobra.Command {
	var n apiv1.NewVoucherBatch
	var key string
	cmd := &cobra.Command{
		Use: "make VALUE", Short: "Make a batch of vouchers", Args: cobra.ExactArgs(1),
		Example: "  paywatt voucher make 100 --count 1000 --expires 2027-12-31",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) (err error) {
			if n.FaceMinor, err = c.minor(cmd, api, "VALUE", args[0]); err != nil {
				return err
			}
			b, err := api.MakeVouchers(cmd.Context(), n, key)
			return answer(c, cmd, b, err, batchTable)
		}),
	}
	cmd.Flags().Int64Var(&n.Count, "count", 100, "number of vouchers")
	cmd.Flags().StringVar(&n.Expires, "expires", "", "last day on which a voucher can be redeemed, such as 2027-12-31")
	cmd.Flags().StringVar(&n.Note, "note", "", "note")
	cmd.Flags().BoolVar(&n.RequiresCode, "requires-code", false, "require a code beside the PIN, which the receipt of the sale has")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer")
	return cmd
}

func newVoucherPins(c console) *cobra.Command {
	return &cobra.Command{
		Use: "pins BATCH", Short: "Make the PINs of a batch and print them, once", Args: cobra.ExactArgs(1),
		Long:    "Make the PINs of a batch and print them with their serial numbers. The server does not store them: write them into a file.",
		Example: "  paywatt voucher pins vbt_01jd0000000000000000000000 -o csv > pins.csv",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := api.TakeVoucherPins(cmd.Context(), args[0])
			return answer(c, cmd, p, err, func(p apiv1.VoucherPins) table {
				t := table{head: []string{"serial", "pin"}}
				for _, v := range p.Vouchers {
					t.rows = append(t.rows, []string{v.Serial, v.PIN})
				}
				return t
			})
		}),
	}
}

// endFlags are the flags for both ends of a range.
func endFlags(cmd *cobra.Command, r *apiv1.VoucherRange) {
	cmd.Flags().Int64Var(&r.From, "from", 0, "last part of the first serial number; without it, the whole batch")
	cmd.Flags().Int64Var(&r.To, "to", 0, "last part of the last serial number")
}

func rangeFlags(cmd *cobra.Command, r *apiv1.VoucherRange, key *string) {
	endFlags(cmd, r)
	cmd.Flags().StringVar(key, "key", "", "idempotency key; repeating it repeats the answer")
}

func newVoucherSell(c console) *cobra.Command {
	var r apiv1.VoucherRange
	var key string
	cmd := &cobra.Command{
		Use: "sell BATCH", Short: "Sell vouchers of a batch, and activate them", Args: cobra.ExactArgs(1),
		Long:    "Sell vouchers of a batch, and activate them. If the batch requires codes, the command prints the code of each voucher for its buyer.",
		Example: "  paywatt voucher sell vbt_01jd0000000000000000000000 --from 1 --to 100",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			b, err := api.SellVouchers(cmd.Context(), args[0], r, key)
			return answer(c, cmd, b, err, issuedTable)
		}),
	}
	rangeFlags(cmd, &r, &key)
	return cmd
}

func newVoucherCodes(c console) *cobra.Command {
	var r apiv1.VoucherRange
	cmd := &cobra.Command{
		Use: "codes BATCH", Short: "Print the codes of vouchers that you sold again", Args: cobra.ExactArgs(1),
		Long: "Print the codes of vouchers again, for another copy of the receipt. Only whoever saw the codes before sees them again: the seller, or the " +
			"person who approved their new issue.",
		Example: "  paywatt voucher codes vbt_01jd0000000000000000000000 --from 1 --to 100 -o csv > codes.csv",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			l, err := api.VoucherCodes(cmd.Context(), args[0], r)
			return answer(c, cmd, l, err, func(l apiv1.VoucherCodes) table { return codesTable(l.Codes) })
		}),
	}
	endFlags(cmd, &r)
	return cmd
}

func newVoucherReissue(c console) *cobra.Command {
	var e apiv1.ReissueVoucherCodes
	var key string
	cmd := &cobra.Command{
		Use: "reissue BATCH", Short: "Issue lost codes of sold vouchers again", Args: cobra.ExactArgs(1),
		Long: "Issue the codes of sold vouchers again, because the receipt is lost. The old codes end. Where four eyes apply, the second person sees the new " +
			"codes and gives them to the buyer. Whoever took the PINs can neither ask nor approve.",
		Example: "  paywatt voucher reissue vbt_01jd0000000000000000000000 --from 7 --to 7 --reason 'receipt lost'",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			b, err := api.ReissueVoucherCodes(cmd.Context(), args[0], e, key)
			return answer(c, cmd, b, err, issuedTable)
		}),
	}
	rangeFlags(cmd, &e.VoucherRange, &key)
	cmd.Flags().StringVar(&e.Reason, "reason", "", "why; the audit log keeps it")
	return cmd
}

// issuedTable has the codes of vouchers for their buyer, or the batch if it requires none.
func issuedTable(b apiv1.IssuedVouchers) table {
	if len(b.Codes) > 0 {
		return codesTable(b.Codes)
	}
	return batchTable(b.VoucherBatch)
}

func codesTable(codes []apiv1.VoucherCode) table {
	t := table{head: []string{"serial", "code"}}
	for _, v := range codes {
		t.rows = append(t.rows, []string{v.Serial, v.Code})
	}
	return t
}

func newVoucherEnd(c console) *cobra.Command {
	var e apiv1.EndVouchers
	var key string
	cmd := &cobra.Command{
		Use: "end BATCH", Short: "Make vouchers that nobody has redeemed worthless", Args: cobra.ExactArgs(1),
		Example: "  paywatt voucher end vbt_01jd0000000000000000000000 --from 1 --to 100 --reason stolen",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			b, err := api.EndVouchers(cmd.Context(), args[0], e, key)
			return answer(c, cmd, b, err, batchTable)
		}),
	}
	rangeFlags(cmd, &e.VoucherRange, &key)
	cmd.Flags().StringVar(&e.Reason, "reason", "", "why; the audit log keeps it")
	return cmd
}

func newVoucherList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.VoucherBatch]{
		use: "list", of: apiv1.VoucherBatches, page: (*client.Client).VoucherBatches, limit: 50,
		table: columns("number, value, count, unsold, active, redeemed, ended, owed, expires, id", func(b apiv1.VoucherBatch) []any {
			return []any{b.Number, amountText(b.Face), b.Count, b.Unsold, b.Active, b.Redeemed, b.Cancelled + b.Ended, amountText(b.Owed), timeText(&b.ExpiresAt), b.ID}
		}),
	}.command(c)
}

func newVoucherShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show BATCH", Short: "Show a batch of vouchers", Args: cobra.ExactArgs(1),
		Example: "  paywatt voucher show vbt_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			b, err := api.VoucherBatch(cmd.Context(), args[0])
			return answer(c, cmd, b, err, batchTable)
		}),
	}
}

// maxPINLine is the longest line that is read as a PIN, and perhaps a code.
const maxPINLine = 64

func newVoucherRedeem(c console) *cobra.Command {
	return &cobra.Command{
		Use: "redeem METER", Short: "Redeem a voucher, whose PIN is read from the standard input", Args: cobra.ExactArgs(1),
		Long:    "Redeem a voucher. Its PIN is read from one line of the standard input. If the receipt of the voucher has a code, the code follows the PIN.",
		Example: "  paywatt voucher redeem 04140001001",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			line, err := bufio.NewReader(io.LimitReader(c.in, maxPINLine)).ReadString('\n')
			if err != nil && err != io.EOF {
				return err
			}
			r, err := api.RedeemVoucher(cmd.Context(), apiv1.RedeemVoucher{PIN: strings.TrimSpace(line), Meter: args[0]})
			return answer(c, cmd, r, err, func(r apiv1.VoucherRedemption) table {
				return fields("serial", r.Serial, "meter", r.Meter, "amount", amountText(r.Amount), "receipt", r.ReceiptNo, "sale", r.Vend)
			})
		}),
	}
}

func batchTable(b apiv1.VoucherBatch) table {
	n := func(n int64) string { return strconv.FormatInt(n, 10) }
	return fields("batch", b.ID, "number", n(b.Number), "value", amountText(b.Face), "count", n(b.Count), "unsold", n(b.Unsold), "active", n(b.Active), "redeemed", n(b.Redeemed),
		"cancelled", n(b.Cancelled), "ended", n(b.Ended), "owed", amountText(b.Owed), "expires", timeText(&b.ExpiresAt), "note", b.Note, "made by", b.MadeBy, "PINs taken by", b.TakenBy, "redeemed with", redeemedWith(b))
}

// redeemedWith says what redeems a voucher of a batch.
func redeemedWith(b apiv1.VoucherBatch) string {
	if b.RequiresCode {
		return "PIN and code"
	}
	return "PIN"
}
