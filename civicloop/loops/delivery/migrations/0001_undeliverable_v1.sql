-- Undeliverable message, version 1
INSERT INTO process_versions (process, version, declaration) VALUES
  ('undeliverable', 1, '{"actions":[["open","登记","Record","-> failed",["event"],[["message","text",true],["topic","text",true],["why","text",true],["about","text",false]]],["retry","重投","Try again","failed -> retried",["admin","shift_head"],[]],["give_up","放弃","Give up","failed -> given_up",["admin","shift_head"],[["reason","long_text",true]]],["settle","了结","Settle","retried, given_up -> settled",["clock"],[]]],"facts":[],"limits":[["answer",["failed"],["retried","given_up"],[],[],"Span(amount=4, unit=''hours'')","round_the_clock","resume",""],["keep",["retried","given_up"],["settled"],[],[],"Span(amount=7, unit=''days'')","round_the_clock","resume","settle"]],"moves":[["undeliverable",1,"","open","failed",0],["undeliverable",1,"failed","give_up","given_up",0],["undeliverable",1,"failed","retry","retried",0],["undeliverable",1,"failed","~attach","failed",0],["undeliverable",1,"failed","~breach","failed",0],["undeliverable",1,"failed","~clock","failed",0],["undeliverable",1,"failed","~fact","failed",0],["undeliverable",1,"given_up","settle","settled",0],["undeliverable",1,"given_up","~attach","given_up",0],["undeliverable",1,"given_up","~breach","given_up",0],["undeliverable",1,"given_up","~clock","given_up",0],["undeliverable",1,"given_up","~fact","given_up",0],["undeliverable",1,"retried","settle","settled",0],["undeliverable",1,"retried","~attach","retried",0],["undeliverable",1,"retried","~breach","retried",0],["undeliverable",1,"retried","~clock","retried",0],["undeliverable",1,"retried","~fact","retried",0],["undeliverable",1,"settled","~attach","settled",0],["undeliverable",1,"settled","~breach","settled",0],["undeliverable",1,"settled","~clock","settled",0],["undeliverable",1,"settled","~fact","settled",0]],"name":"undeliverable","states":[["failed","投递失败","Failed",true,false,false],["retried","已重投","Tried again",false,false,true],["given_up","已放弃","Given up",false,false,true],["settled","已了结","Settled",false,true,false]],"version":1}');
INSERT INTO moves (process, version, from_state, action, to_state, remembered) VALUES
  ('undeliverable', 1, '', 'open', 'failed', 0),
  ('undeliverable', 1, 'failed', 'give_up', 'given_up', 0),
  ('undeliverable', 1, 'failed', 'retry', 'retried', 0),
  ('undeliverable', 1, 'failed', '~attach', 'failed', 0),
  ('undeliverable', 1, 'failed', '~breach', 'failed', 0),
  ('undeliverable', 1, 'failed', '~clock', 'failed', 0),
  ('undeliverable', 1, 'failed', '~fact', 'failed', 0),
  ('undeliverable', 1, 'given_up', 'settle', 'settled', 0),
  ('undeliverable', 1, 'given_up', '~attach', 'given_up', 0),
  ('undeliverable', 1, 'given_up', '~breach', 'given_up', 0),
  ('undeliverable', 1, 'given_up', '~clock', 'given_up', 0),
  ('undeliverable', 1, 'given_up', '~fact', 'given_up', 0),
  ('undeliverable', 1, 'retried', 'settle', 'settled', 0),
  ('undeliverable', 1, 'retried', '~attach', 'retried', 0),
  ('undeliverable', 1, 'retried', '~breach', 'retried', 0),
  ('undeliverable', 1, 'retried', '~clock', 'retried', 0),
  ('undeliverable', 1, 'retried', '~fact', 'retried', 0),
  ('undeliverable', 1, 'settled', '~attach', 'settled', 0),
  ('undeliverable', 1, 'settled', '~breach', 'settled', 0),
  ('undeliverable', 1, 'settled', '~clock', 'settled', 0),
  ('undeliverable', 1, 'settled', '~fact', 'settled', 0);
