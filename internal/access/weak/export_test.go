package weak

// Listed is the search of the list.
func Listed(passwords, p string) bool { return listed(passwords, p) }
