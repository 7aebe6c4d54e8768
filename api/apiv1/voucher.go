package apiv1

import "time"

// VoucherBatch is a number of vouchers of one value.
type VoucherBatch struct {
	ID        string     `json:"id" example:"vbt_01jd00000000000000000000000" doc:"Id"`
	Number    int64      `json:"number" example:"7" doc:"Begins the serial numbers: the vouchers of batch 7 are 7-00001 and so on"`
	Count     int64      `json:"count" example:"1000" doc:"Number of vouchers"`
	Face      Amount     `json:"face" doc:"Value of each voucher"`
	ExpiresAt time.Time  `json:"expires_at" doc:"No voucher can be redeemed from then on"`
	Note      string     `json:"note,omitempty" doc:"Note"`
	Unsold    int64      `json:"unsold" doc:"Vouchers that nobody has paid for"`
	Active    int64      `json:"active" doc:"Vouchers that were paid for and not redeemed: the utility owes their value"`
	Redeemed  int64      `json:"redeemed" doc:"Vouchers that became a payment"`
	Cancelled int64      `json:"cancelled" doc:"Vouchers that were ended before anybody paid for them"`
	Ended     int64      `json:"ended" doc:"Vouchers that were ended after somebody paid for them: their value is income"`
	Owed      Amount     `json:"owed" doc:"Value of the active vouchers"`
	MadeBy    string     `json:"made_by" doc:"Who made it"`
	MadeAt    time.Time  `json:"made_at" doc:"When it was made"`
	TakenBy   string     `json:"taken_by,omitempty" doc:"Who took the PINs; empty if nobody has"`
	TakenAt   *time.Time `json:"taken_at,omitempty" doc:"When the PINs were taken"`
	// RequiresCode is false for every batch that was made without it.
	RequiresCode bool `json:"requires_code" doc:"Whether a voucher is redeemed with its PIN and with the code that is on the receipt of its sale"`
}

// VoucherBatches is the list of voucher batches.
var VoucherBatches = Listing[Page, VoucherBatch]{Name: "voucher-batches", Path: "/v1/voucher-batches", Tag: "payments", Summary: "List the batches of vouchers, newest first"}

// NewVoucherBatch is a batch of vouchers to make.
type NewVoucherBatch struct {
	Count     int64  `json:"count" minimum:"1" maximum:"10000" example:"1000" doc:"Number of vouchers"`
	FaceMinor int64  `json:"face_minor" minimum:"1" example:"10000" doc:"Value of each voucher in the smallest unit of the currency"`
	Expires   string `json:"expires" maxLength:"10" example:"2027-12-31" doc:"Last local day on which a voucher can be redeemed"`
	Note      string `json:"note,omitempty" maxLength:"200" doc:"Note"`
	// RequiresCode is false by default: the PIN alone redeems a voucher.
	RequiresCode bool `json:"requires_code,omitempty" doc:"Require a code beside the PIN, which comes into being with the sale of the voucher and is on its receipt: then whoever printed the PINs cannot redeem sold vouchers"`
}

// VoucherCode is a voucher with its code.
type VoucherCode struct {
	Serial string `json:"serial" example:"7-00001" doc:"Serial number, which is no secret"`
	Code   string `json:"code" example:"FHJK LMQR" doc:"Code: 8 letters, for the buyer alone"`
}

// IssuedVouchers is a batch after a sale, or after its codes were issued again.
type IssuedVouchers struct {
	VoucherBatch
	Codes []VoucherCode `json:"codes,omitempty" doc:"The codes of these vouchers, for their buyer; missing if the batch requires none"`
}

// VoucherCodes are the codes of a range of vouchers.
type VoucherCodes struct {
	Batch string        `json:"batch" doc:"Id of the batch"`
	Codes []VoucherCode `json:"codes" doc:"The codes of the vouchers that can be redeemed, in the order of their serial numbers"`
}

// ReissueVoucherCodes gives sold vouchers new codes, because the receipt with the old ones is lost.
type ReissueVoucherCodes struct {
	VoucherRange
	Reason string `json:"reason" maxLength:"300" doc:"Why; the audit log keeps it"`
}

// VoucherPin is a voucher with its PIN.
type VoucherPin struct {
	Serial string `json:"serial" example:"7-00001" doc:"Serial number, which is no secret"`
	PIN    string `json:"pin" doc:"PIN, which buys energy once the voucher is sold"`
}

// VoucherPins are the PINs of a batch. They are shown once.
type VoucherPins struct {
	Batch    string       `json:"batch" doc:"Id of the batch"`
	Vouchers []VoucherPin `json:"vouchers" doc:"The vouchers in the order of their serial numbers"`
}

// TakeVoucherPins is the empty body of a request for PINs.
type TakeVoucherPins struct{}

// VoucherRange is a range of a batch's vouchers.
type VoucherRange struct {
	From int64 `json:"from,omitempty" minimum:"1" example:"1" doc:"Last part of the first serial number; without from and to, the whole batch"`
	To   int64 `json:"to,omitempty" minimum:"1" example:"100" doc:"Last part of the last serial number"`
}

// EndVouchers ends vouchers of a batch.
type EndVouchers struct {
	VoucherRange
	Reason string `json:"reason" maxLength:"300" doc:"Why; the audit log keeps it"`
}

// RedeemVoucher is a PIN to redeem for a meter.
type RedeemVoucher struct {
	PIN   string `json:"pin" maxLength:"64" doc:"PIN of the voucher; blanks and dashes do not matter, and the code may follow it"`
	Code  string `json:"code,omitempty" maxLength:"32" example:"FHJK LMQR" doc:"Code on the receipt of the voucher, if it has one; case, blanks and dashes do not matter"`
	Meter string `json:"meter" maxLength:"64" example:"04140001001" doc:"Number of the meter"`
}

// VoucherRedemption is a redeemed voucher. Its token goes to the meter, and to the customer's telephone if there is one.
type VoucherRedemption struct {
	Serial    string `json:"serial" example:"7-00001" doc:"Serial number of the voucher"`
	Meter     string `json:"meter" example:"04140001001" doc:"Number of the meter"`
	Amount    Amount `json:"amount" doc:"Value of the voucher"`
	Vend      string `json:"vend" example:"vnd_01jd00000000000000000000000" doc:"Id of the sale; whoever may see its token sees it there"`
	ReceiptNo string `json:"receipt_no" example:"pay-voucher-000001" doc:"Number of the receipt"`
	UnitsWh   int64  `json:"units_wh" example:"34700" doc:"Energy in Wh; 0 for a wallet"`
	Repeated  bool   `json:"repeated" doc:"The voucher was redeemed for this meter before: this is its only sale"`
}
