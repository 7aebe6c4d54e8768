package registry

// Newest is the newest balance that a meter reported after its newest reading.
func (rec MeterRecord) Newest(reported, texted *ReportedBalance) *ReportedBalance {
	return rec.newest(reported, texted)
}
