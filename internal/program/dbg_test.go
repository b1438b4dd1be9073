package program
import ("testing";"fmt")
func TestDbg(t *testing.T){
 s:=newDark(630,"")
 f:=s.run(24*3600e9)
 fmt.Println(f, s.now, s.offs)
 for i:=max(0,len(s.bucket.Entries)-5);i<len(s.bucket.Entries);i++{ e:=s.bucket.Entries[i]; fmt.Println(e.ID,e.Number,e.Play!=nil,e.ProgramTime,e.End,e.Listers)}
 for _,n:=range s.nodes{ fmt.Println(n.name,n.process,n.skew,"down",n.down,"began",n.began,"listed",n.listed)}
}
