package apiv1

import "time"

// NewSwap asks to let a meter from the stock take the place of another one.
type NewSwap struct {
	NewMeter   string   `json:"new_meter" maxLength:"64" example:"04140001019" doc:"Number or id of a meter in stock, of the same mode"`
	BalanceWh  *int64   `json:"balance_wh,omitempty" doc:"Of a token meter: Wh left, read off the old meter's display; missing for the last balance that the meter reported"`
	Unused     []string `json:"unused_tokens,omitempty" maxItems:"20" doc:"Of a token meter: ids of its tokens that were never entered. Their units go to the new meter too"`
	RegisterWh *int64   `json:"register_wh,omitempty" doc:"Of a wallet meter: register in Wh, read off the old meter; missing for the register that was charged last"`
	Reason     string   `json:"reason" maxLength:"200" doc:"Why, in a few words; written to the audit log"`
}

// Swap is a meter that took the place of another one, or what a swap would do.
type Swap struct {
	ID           string     `json:"id,omitempty" example:"swp_01jd00000000000000000000000" doc:"Id of the swap; missing for a plan"`
	OldMeter     string     `json:"old_meter" doc:"Number of the meter that was replaced. It gets no more tokens and no more money"`
	NewMeter     string     `json:"new_meter" doc:"Number of the meter that has its place, customer and account"`
	Test         bool       `json:"test,omitempty" doc:"The meters are simulated"`
	BalanceWh    int64      `json:"balance_wh,omitempty" doc:"Of a token meter: Wh that were left in the old meter"`
	BalanceAt    *time.Time `json:"balance_at,omitempty" doc:"When that was read or reported"`
	Source       string     `json:"source,omitempty" enum:"display,reported" doc:"display: somebody read it; reported: the meter reported it"`
	Unused       []string   `json:"unused_tokens,omitempty" doc:"Tokens of the old meter that were never entered"`
	UnusedWh     int64      `json:"unused_wh,omitempty" doc:"Their units, in Wh"`
	UnitsWh      int64      `json:"units_wh" doc:"What the new meter gets, in Wh: the balance and the unused tokens, rounded down to a whole 0.1 kWh"`
	TokensState  string     `json:"tokens_state,omitempty" enum:"held,completed,failed" doc:"State of the replacement tokens: held: they wait for the issuer, which is asked again; failed: it refused them, and the same swap can be requested again to make them"`
	Tokens       *Tokens    `json:"tokens,omitempty" doc:"The replacement tokens, to be entered at the new meter"`
	RegisterWh   int64      `json:"register_wh,omitempty" doc:"Of a wallet meter: the register at which the old meter was closed, in Wh"`
	RegisterAt   *time.Time `json:"register_at,omitempty" doc:"Meter time of that register"`
	ChargedWh    int64      `json:"charged_wh,omitempty" doc:"Of a wallet meter: use that the closing charged, in Wh"`
	StillAllowed int64      `json:"still_allowed_wh,omitempty" doc:"Of a wallet meter: Wh that the old meter may still supply until it answers its cut-off. The new meter gets no lease for that money before then"`
	Reason       string     `json:"reason,omitempty" doc:"Why"`
	By           string     `json:"by,omitempty" doc:"Who requested it"`
	ApprovedBy   string     `json:"approved_by,omitempty" doc:"Who approved it; missing if no approval was needed"`
	At           time.Time  `json:"at" doc:"When it happened; of a plan, now"`
}

// SwapFacts is what is known about a meter that is to be replaced, or that was replaced.
type SwapFacts struct {
	Meter        string        `json:"meter" doc:"Number of the meter"`
	Mode         string        `json:"mode" enum:"prepay_token,prepay_wallet,postpay" doc:"How its energy is paid for"`
	ReplacedBy   *Swap         `json:"replaced_by,omitempty" doc:"The swap by which the meter was replaced"`
	Replaces     *Swap         `json:"replaces,omitempty" doc:"The swap by which the meter came to its place"`
	BalanceWh    *int64        `json:"balance_wh,omitempty" doc:"Of a token meter: the balance that it reported last, in Wh; missing if it never did"`
	BalanceAt    *time.Time    `json:"balance_at,omitempty" doc:"When it reported that"`
	Unused       []UnusedToken `json:"unused_tokens" doc:"Tokens that the meter is not known to have taken, newest first"`
	MostWh       int64         `json:"most_wh" doc:"The most that a new meter can get, in Wh"`
	RegisterWh   int64         `json:"register_wh,omitempty" doc:"Of a wallet meter: the register that was charged last, in Wh"`
	RegisterAt   *time.Time    `json:"register_at,omitempty" doc:"Meter time of that register"`
	StillAllowed int64         `json:"still_allowed_wh,omitempty" doc:"Of a wallet meter: Wh that it may supply until it answers a cut-off"`
}

// UnusedToken is a token that a meter is not known to have taken.
type UnusedToken struct {
	ID       string    `json:"id" doc:"Id of the token"`
	Vend     string    `json:"vend,omitempty" doc:"Id of the sale; missing for a free token"`
	UnitsWh  int64     `json:"units_wh" doc:"Its units, in Wh"`
	IssuedAt time.Time `json:"issued_at" doc:"When it was made"`
}
