package access

// commonPasswords are passwords of 8 characters or more that head every published list, and the obvious ones of this program. Shorter
// passwords are refused for their length.
var commonPasswords = [...]string{
	"password", "password1", "password12", "password123", "passw0rd", "p@ssw0rd", "p@ssword", "12345678", "123456789",
	"1234567890", "0123456789", "987654321", "9876543210", "87654321", "12341234", "11223344", "1q2w3e4r", "1q2w3e4r5t",
	"1qaz2wsx", "qwertyui", "qwertyuiop", "qwerty123", "qwerty12", "qwer1234", "asdfghjk", "asdfghjkl", "zxcvbnm1",
	"zaq12wsx", "abcd1234", "abc12345", "abcdefgh", "aa123456", "a1b2c3d4", "iloveyou", "iloveyou1", "sunshine",
	"princess", "football", "baseball", "superman", "trustno1", "starwars", "whatever", "computer", "internet",
	"michelle", "jennifer", "liverpool", "chelsea1", "arsenal1", "letmein1", "welcome1", "welcome123", "changeme",
	"changeme1", "changeme123", "admin123", "admin1234", "administrator", "default1", "test1234", "secret123",
	"monkey123", "dragon123", "master123", "samsung1", "electricity", "prepaid1", "prepayment", "paywatt1",
	"paywatt123", "operator", "operator1", "supervisor", "nairobi1", "kenya123", "jesus123", "godisgood",
}
