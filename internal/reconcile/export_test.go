package reconcile

// Kinds lists the kinds of differences.
func Kinds() []Kind {
	return []Kind{NoPayment, NotStated, Amount, Currency, Reversed, NotGivenBack, NoJournal, JournalAlone, JournalAmount, Twice, Gap, FeeUnbooked}
}
