#!/bin/sh
# Cuts DejaVu Sans down to what receipts need. Needs the Debian packages fonttools and fonts-dejavu-core.
for font in DejaVuSans DejaVuSans-Bold; do
	pyftsubset /usr/share/fonts/truetype/dejavu/$font.ttf --output-file=$font.ttf --notdef-outline --no-hinting --layout-features='' \
		--name-IDs=0,1,2,4,6,13,14 --drop-tables+=GSUB,GPOS,GDEF,FFTM,kern,gasp,MATH --unicodes="U+0020-007E,U+00A0-024F,U+0250-02AF,U+02B0-02FF,U+0300-036F,U+0370-03FF,U+0400-04FF,U+1E00-1EFF,U+2000-206F,U+2070-209F,U+20A0-20BF,U+2100-214F,U+2190-2193,U+2212,U+2260,U+2264,U+2265,U+2713,U+0600-06FF,U+FB50-FBFF,U+FC60-FC62,U+FD3E,U+FD3F,U+FDF2,U+FE70-FEFF"
	gzip -9n $font.ttf
done
