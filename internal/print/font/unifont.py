# Packs unifont.hex (Debian package unifont) into unifont.gz: the number of narrow glyphs, then these, then the wide ones.
import gzip,struct
narrow=bytearray(); wide=bytearray(); n=0
for l in open('/usr/share/unifont/unifont.hex'):
    c,h=l.strip().split(':'); c=int(c,16)
    if c<0x20 or 0x7f<=c<0xa0 or 0xD800<=c<=0xF8FF or c>=0xFFFE: continue
    b=bytes.fromhex(h)
    if len(b)==16: narrow+=struct.pack('>H',c)+b; n+=1
    else: wide+=struct.pack('>H',c)+b
z=gzip.GzipFile('','wb',9,open('unifont.gz','wb'),mtime=0); z.write(struct.pack('>I',n)+narrow+wide); z.close()
print(n, len(wide)//34)
