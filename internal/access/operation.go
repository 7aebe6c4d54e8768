package access

import "maps"

// Operation says what a mutating operation of the API, or a command on the data folder, can move. Either it does actions of [Acts]' table,
// or it moves no value and says why.
type Operation struct {
	Acts []Act
	Why  string
}

// Reasons why operations move no value.
const (
	reads     = "it reads only"
	data      = "it changes data that no price, balance or supply depends on"
	shows     = "it shows or sends what exists; it makes nothing"
	stops     = "it stops something, and nobody gains by that"
	agreed    = "it sends facts only to an address that a second person agreed to"
	asks      = "it asks the server, which applies the rules of the operation of the API"
	machine   = "it works on the machine's own files: whoever runs it has the server's shell, which no rule of the program can bind"
	authority = "it works on the files of an authority, which the server never reads: whoever has its key can speak for every meter, but orders and tokens have keys of their own"
	carried   = "it decides an action of somebody else, whose own rule applies"
	standing  = "for the second person, whoever is let in or promoted counts as the one who did it, until another approver confirms"
	simulates = "it computes and stores nothing"
)

// APIOperations classifies every mutating operation of the API by its identity in the OpenAPI document.
func APIOperations() map[string]Operation {
	all := moving()
	maps.Copy(all, harmless())
	return all
}

// moving are the operations that do acts.
func moving() map[string]Operation {
	return map[string]Operation{
		"sell":                     {Acts: []Act{ActSell}},
		"reverse":                  {Acts: []Act{ActReverse}},
		"swap-meter":               {Acts: []Act{ActSwap}},
		"give-tokens":              {Acts: []Act{ActUnits, ActTokens, ActClearCredit, ActClearTamper}},
		"refund":                   {Acts: []Act{ActRefund}},
		"adjust":                   {Acts: []Act{ActAdjust}},
		"write-off-debt":           {Acts: []Act{ActAdjust}},
		"raise-debt":               {Acts: []Act{ActDebt}},
		"add-charge":               {Acts: []Act{ActCharge}},
		"open-shift":               {Acts: []Act{ActShiftOpen}},
		"close-day":                {Acts: []Act{ActDayClose}},
		"apply-payment":            {Acts: []Act{ActApplyPayment}},
		"refund-payment":           {Acts: []Act{ActRefundPayment}},
		"reject-payment":           {Acts: []Act{ActRejectPayment, ActDismissPayment}},
		"make-vouchers":            {Acts: []Act{ActMakeVouchers}},
		"take-voucher-pins":        {Acts: []Act{ActPrintVouchers}},
		"sell-vouchers":            {Acts: []Act{ActSellVouchers}},
		"end-vouchers":             {Acts: []Act{ActEndVouchers}},
		"reissue-voucher-codes":    {Acts: []Act{ActReissueCodes}},
		"add-payment-provider":     {Acts: []Act{ActProvider}},
		"enable-payment-provider":  {Acts: []Act{ActProvider}},
		"replace-provider-secrets": {Acts: []Act{ActProviderSecret}},
		"upload-statement":         {Acts: []Act{ActStatement, ActAskedStatement}},
		"close-difference":         {Acts: []Act{ActSettle, ActStatement, ActAskedStatement}},
		"add-webhook":              {Acts: []Act{ActWebhook}},
		"enable-webhook":           {Acts: []Act{ActWebhook}},
		"pay-out-shift":            {Acts: []Act{ActShiftPayOut}},
		"close-shift":              {Acts: []Act{ActShiftClose, ActShiftCloseAny}},
		"add-vendor":               {Acts: []Act{ActTerms}},
		"vendor-terms":             {Acts: []Act{ActTerms, ActBlock}},
		"deposit":                  {Acts: []Act{ActDeposit}},
		"publish-tariff":           {Acts: []Act{ActTariff}},
		"publish-tariff-version":   {Acts: []Act{ActTariff}},
		"withdraw-tariff-version":  {Acts: []Act{ActTariff}},
		"import":                   {Acts: []Act{ActMeter, ActMeterTariff, ActPostpaid, ActImpulses, ActMoveIn, ActFeeder, ActImportDebts, ActImportBalances, ActImportedDebt, ActImportedCredit}},
		"undo-import":              {Acts: []Act{ActImportUndo, ActImportedCredit}},
		"add-customer":             {Acts: nil, Why: data},
		"add-meter":                {Acts: []Act{ActMeter, ActMeterTariff, ActPostpaid, ActImpulses, ActMoveIn, ActFeeder}},
		"move-in":                  {Acts: []Act{ActMoveIn, ActMeterTariff}},
		"change-tariff":            {Acts: []Act{ActMeterTariff}},
		"move-out":                 {Acts: []Act{ActMoveOut, ActMoveOutOwing}},
		"take-over-debts":          {Acts: []Act{ActTakeOver}},
		"change-meter":             {Acts: []Act{ActMaxPower, ActUnreadCut, ActFeeder}},
		"start-link-key":           {Acts: []Act{ActMeter, ActLinkKey}},
		"finish-link-key":          {Acts: []Act{ActLinkKey}},
		"cancel-link-key":          {Acts: []Act{ActLinkKey}},
		"replace-meter-password":   {Acts: []Act{ActPassword}},
		"end-meter-password":       {Acts: []Act{ActEndPassword}},
		"remove-meter":             {Acts: []Act{ActRemove}},
		"scrap-meter":              {Acts: []Act{ActScrap}},
		"set-supply":               {Acts: []Act{ActSupply}},
		"set-meter-config":         {Acts: []Act{ActMeterConfig}},
		"emergency-supply":         {Acts: []Act{ActEmergency}},
		"send-command":             {Acts: []Act{ActCommand, ActForce, ActClearCredit, ActClearTamper, ActCancelToken}},
		"adopt-device":             {Acts: []Act{ActDevice}},
		"release-device":           {Acts: []Act{ActDevice}},
		"replace-device":           {Acts: []Act{ActDevice}},
		"open-devices":             {Acts: []Act{ActDevice}},
		"toggle-device":            {Acts: []Act{ActCommand, ActForce}},
		"rebase-meter":             {Acts: []Act{ActReading}},
		"accept-quarantined":       {Acts: []Act{ActReading}},
		"discard-quarantined":      {Acts: []Act{ActReading}},
		"rebase-quarantined":       {Acts: []Act{ActReading}},
		"send-message":             {Acts: []Act{ActText}},
		"retry-message":            {Acts: []Act{ActText}},
		"make-page-link":           {Acts: []Act{ActLinkMake, ActLinkShow}},
		"revoke-page-link":         {Acts: []Act{ActLinkRevoke}},
		"change-settings":          {Acts: []Act{ActSettings}},
		"trust-clock":              {Acts: []Act{ActClock}},
	}
}

// harmless are the operations that move no value.
func harmless() map[string]Operation {
	return map[string]Operation{
		"device-password":           {Why: "every device then needs the new password; nobody gains by that"},
		"invite-person":             {Why: standing},
		"person-role":               {Why: standing},
		"unblock-person":            {Why: standing},
		"reset-person":              {Why: standing},
		"confirm-person":            {Why: "only another approver confirms, whom the account does not count as"},
		"disable-payment-provider":  {Why: stops},
		"reconcile":                 {Why: "it compares what is stored, and changes no payment and no journal"},
		"assign-difference":         {Why: data},
		"read-difference-call":      {Why: "the call proves as much as when it arrived, and its payments take the usual way"},
		"register-payment-provider": {Why: "the provider then calls the server's own addresses"},
		"redeem-voucher":            {Why: "somebody paid for the voucher, and its sale is that of any payment"},
		"request-payment":           {Why: "the customer decides whether to pay, and is asked only a few times"},
		"block-person":              {Why: stops},
		"create-key":                {Why: "the key counts as the person who makes it, and has no right that the person lacks"},
		"rotate-key":                {Why: "the new key has the same person, role and vendor, and no wider limits"},
		"revoke-key":                {Why: stops},
		"end-sessions":              {Why: "it ends sessions; their person signs in again"},
		"revoke-device":             {Why: stops},
		"record-own":                {Why: "it warns whoever approves something for that meter or telephone"},
		"end-own":                   {Why: "another person than the one whom it concerns ends it, and it counts for 90 days longer"},
		"approve":                   {Why: carried},
		"reject":                    {Why: carried},
		"cut-supply":                {Why: stops},
		"restore-supply":            {Why: "it ends a cut by a person; the supply comes on only if it is paid for"},
		"recharge":                  {Why: shows},
		"reprint":                   {Why: shows},
		"show-voucher-codes":        {Why: "it shows codes only to the one who has seen them"},
		"send-summary":              {Why: shows},
		"change-customer":           {Why: "tokens for a changed number wait, and the old number is told; a name is erased only if the request says so"},
		"set-sim":                   {Why: "tokens for a changed number wait a day or for a second person, and the customer is told"},
		"confirm-phone":             {Why: "the number itself is data; the person who changed it cannot confirm it"},
		"confirm-sim":               {Why: "the number itself is data; the person who changed it cannot confirm it"},
		"cancel-key-change":         {Why: "no token of the change exists, so the meter keeps its key"},
		"plan-swap":                 {Why: simulates},
		"plan-move-out":             {Why: simulates},
		"plan-move-in":              {Why: simulates},
		"plan-tariff-correction":    {Why: simulates},
		"plan-tariff-change":        {Why: simulates},
		"plan-key-change":           {Why: "the meter keeps its key until the tokens of token.issue are entered"},
		"confirm-key-change":        {Why: "tokens are made under the next key already; a wrong confirmation makes tokens useless, and nobody gains by that"},
		"simulate-tariff":           {Why: simulates},
		"diagnose-token":            {Why: simulates},
		"quote":                     {Why: simulates},
		"disable-webhook":           {Why: stops},
		"remove-webhook":            {Why: stops},
		"rotate-webhook":            {Why: agreed},
		"test-webhook":              {Why: agreed},
		"resend-delivery":           {Why: agreed},
		"recover-webhook":           {Why: agreed},
	}
}

// Commands classifies every command that works on the data folder or is for administrators, by its words.
func Commands() map[string]Operation {
	return map[string]Operation{
		"apikey create":         {Why: machine},
		"apikey rotate":         {Why: "the new key has the same person, role and vendor"},
		"person block":          {Why: stops},
		"person sessions":       {Why: reads},
		"person end-sessions":   {Why: "it ends sessions; their person signs in again"},
		"person devices":        {Why: reads},
		"person revoke-device":  {Why: stops},
		"person own":            {Why: reads},
		"person record-own":     {Why: asks},
		"person end-own":        {Why: asks},
		"person confirm":        {Why: machine},
		"person invite":         {Why: asks},
		"person list":           {Why: reads},
		"person reset":          {Why: asks},
		"person role":           {Why: asks},
		"person unblock":        {Why: asks},
		"apikey give":           {Why: "the key then counts as its person, and can do less alone"},
		"apikey list":           {Why: reads},
		"apikey revoke":         {Why: stops},
		"backup create":         {Why: reads},
		"backup restore":        {Why: machine},
		"backup verify":         {Why: reads},
		"ca create":             {Why: authority},
		"ca issue":              {Why: authority},
		"ca issue-server":       {Why: authority},
		"ca list":               {Why: reads},
		"ca revoke":             {Why: authority},
		"clock trust":           {Acts: []Act{ActClock}},
		"config check":          {Why: reads},
		"config show":           {Why: reads},
		"doctor":                {Why: reads},
		"integration add":       {Why: machine},
		"integration list":      {Why: reads},
		"integration revoke":    {Why: stops},
		"printer list":          {Why: reads},
		"printer test":          {Why: reads},
		"profile list":          {Why: reads},
		"serve":                 {Why: "it runs the server, whose operations are classified on their own"},
		"store copy":            {Why: machine},
		"store end-alarms":      {Why: machine},
		"store epoch":           {Why: machine},
		"store standby":         {Why: machine},
		"store rotate-key":      {Why: machine},
		"vendingkey add":        {Why: machine},
		"vendingkey passphrase": {Why: machine},
		"vendingkey list":       {Why: reads},
		"verify":                {Why: reads},
	}
}
