-- Boston service request, version 1
INSERT INTO process_versions (process, version, declaration) VALUES
  ('boston', 1, '{"actions":[["open","受理","Open","-> open",["importer"],[["external_id","text",true],["kind","category",true],["title","text",false],["place","point",false],["street","text",false],["unit","text",false],["source","text",false],["target_at","instant",false],["reason","text",false],["subject","text",false],["queue","text",false],["address","text",false],["ward","text",false]]],["close","结案","Close","open -> closed",["importer"],[["closing_text","long_text",false],["on_time","text",false]]]],"facts":[],"limits":[["target",["open"],["closed"],[],[],"Until(name=''target_at'')","round_the_clock","resume",""]],"moves":[["boston",1,"","open","open",0],["boston",1,"closed","~attach","closed",0],["boston",1,"closed","~breach","closed",0],["boston",1,"closed","~clock","closed",0],["boston",1,"closed","~fact","closed",0],["boston",1,"open","close","closed",0],["boston",1,"open","~attach","open",0],["boston",1,"open","~breach","open",0],["boston",1,"open","~clock","open",0],["boston",1,"open","~fact","open",0]],"name":"boston","states":[["open","未结","Open",true,false,false],["closed","已结","Closed",false,true,true]],"version":1}');
INSERT INTO moves (process, version, from_state, action, to_state, remembered) VALUES
  ('boston', 1, '', 'open', 'open', 0),
  ('boston', 1, 'closed', '~attach', 'closed', 0),
  ('boston', 1, 'closed', '~breach', 'closed', 0),
  ('boston', 1, 'closed', '~clock', 'closed', 0),
  ('boston', 1, 'closed', '~fact', 'closed', 0),
  ('boston', 1, 'open', 'close', 'closed', 0),
  ('boston', 1, 'open', '~attach', 'open', 0),
  ('boston', 1, 'open', '~breach', 'open', 0),
  ('boston', 1, 'open', '~clock', 'open', 0),
  ('boston', 1, 'open', '~fact', 'open', 0);
