package api

import "github.com/paywatt/paywatt/internal/refusal"

// codes are the codes that this version can answer with, as /docs lists them.
var codes = []refusal.Code{
	refusal.InvalidRequest, refusal.AmountInvalid, refusal.IdempotencyKeyMissing, refusal.IdempotencyKeyInvalid,
	refusal.IdempotencyKeyReused, refusal.IdempotencyRunning, refusal.ClientRefReused, refusal.Unauthenticated,
	refusal.Forbidden, refusal.NotFound, methodNotAllowed, unsupportedMediaType, formatUnsupported, requestTimeout, hostUnknown,
	refusal.TooLarge, refusal.RateLimited, refusal.MeterNotFound, refusal.MeterBlocked, refusal.MeterExists,
	refusal.MeterNumberInvalid, refusal.MeterOffline, refusal.AccountClosed, refusal.ReadingHeld, refusal.TariffMissing, refusal.TariffExists,
	refusal.TariffInvalid, refusal.CurrencyMismatch, refusal.VendTooSmall, refusal.VendTooLarge, refusal.VendNotFound, refusal.NotSealedYet,
	refusal.VendInProgress, refusal.ChargeExists, refusal.FBEAlreadyIssued, refusal.DailyLimit, refusal.InsufficientFloat, refusal.VendorExists, refusal.VendorBlocked, refusal.ShiftOpen, refusal.ShiftClosed, refusal.DayOpen, refusal.CommissionTooHigh,
	refusal.NotReversible, refusal.AlreadyReversed, refusal.KeyChangePending, refusal.ApprovalInvalid, refusal.ApprovalChanged, refusal.MakerNotInForce, refusal.AlreadyDecided, refusal.KeyMissing, refusal.KeyExpired,
	refusal.KeyTypeForbidden, refusal.KeyChangeRequired, refusal.BaseDateExpired, refusal.TooManyTokens, refusal.TokenUnfit,
	refusal.ClockUntrusted, refusal.ClockTrusted, refusal.KeystoreLocked, refusal.TimeZoneUnknown, refusal.IssuerRefused, refusal.IssuerUnknown,
	refusal.ImportUnreadable, refusal.ImportRow, refusal.ImportedBefore, refusal.RowUsed,
	refusal.StorageUnavailable, refusal.StorageFull, refusal.OutcomeUnknown, refusal.ConfigBroken, refusal.DatabaseInUse, refusal.DatabaseNewer, refusal.DatabaseAway, refusal.CertificateUnusable, refusal.ListenerClosed,
	refusal.FolderUnwritable, refusal.Internal,
}
