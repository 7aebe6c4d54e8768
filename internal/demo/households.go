package demo

// household is one customer of the demonstration: what was bought three days ago, the credit now, and when the next
// purchase is made.
type household struct {
	number, name, phone string
	tender              int64 // minor units of KES
	// left is the credit now in watt-hours. A negative value is energy that the household would have used if it had
	// been able to.
	left int64
	// buysAt is the credit at which the household buys. A negative value means never: the user has to sell to it.
	buysAt int64
}

// households are the customers: most have credit, some have had a warning, two are without supply.
var households = [...]household{
	{"04140001001", "Amina A.", "+254700000001", 200_00, 31_000, 12_000},
	{"04140001019", "Kwame M.", "+254700000002", 100_00, -12_000, -1},
	{"04140001027", "Wanjiru K.", "+254700000003", 500_00, 121_000, 15_000},
	{"04140001035", "Otieno O.", "+254700000004", 150_00, 12_000, 4_000},
	{"04140001043", "Fatuma H.", "+254700000005", 300_00, 64_000, 10_000},
	{"04140001050", "Njoroge & Sons", "+254700000006", 1000_00, 190_000, 20_000},
	{"04140001068", "Achieng P.", "+254700000007", 200_00, 27_000, 0},
	{"04140001076", "Baraka L.", "+254700000008", 100_00, 8_000, 5_000},
	{"04140001084", "Halima S.", "+254700000009", 250_00, 48_000, 18_000},
	{"04140001092", "Mwangi T.", "+254700000010", 150_00, 3_500, -1},
	{"04140001100", "Zawadi N.", "+254700000011", 200_00, 39_000, 8_000},
	{"04140001118", "Kiptoo R.", "+254700000012", 300_00, 71_000, 19_000},
	{"04140001126", "Nafula W.", "+254700000013", 80_00, -9_000, -1},
	{"04140001134", "Salma B.", "+254700000014", 200_00, 33_000, 2_000},
	{"04140001142", "Corner Bakery", "+254700000015", 1500_00, 240_000, 20_000},
	{"04140001159", "Juma D.", "+254700000016", 120_00, 22_000, 11_000},
	{"04140001167", "Esther G.", "+254700000017", 250_00, 52_000, 6_000},
	{"04140001175", "Hassan Y.", "+254700000018", 180_00, 29_000, 13_000},
	{"04140001183", "Primary School", "+254700000019", 900_00, 165_000, 20_000},
	{"04140001191", "Lilian C.", "+254700000020", 220_00, 41_000, 9_000},
}

// dayShape is the share of its mean load that a household uses in each hour of the day, in percent. It sums to 2400.
var dayShape = [24]int64{45, 40, 40, 40, 45, 70, 130, 140, 100, 80, 75, 80, 95, 90, 75, 75, 85, 110, 170, 215, 220, 180, 125, 75}
