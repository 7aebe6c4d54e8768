package metering

// Doubts lists all doubts.
func Doubts() []Doubt {
	return []Doubt{DoubtZero, DoubtRollover, DoubtReset, DoubtBackwards, DoubtDoubled, DoubtJump, DoubtSpan, DoubtPrice, DoubtOpen,
		DoubtFuture, DoubtTime, DoubtNegative, DoubtPower, DoubtUnreadable}
}
