-- part.draw_positions(wanted): draws the positions of that many rows into `block_starts`; without a call where one
-- block of 256 is enough.
IF wanted <= 256 THEN
  block_starts := ARRAY[nextval('chancy.positions')];
ELSE
  block_starts := chancy.draw_positions_1(wanted);
END IF;
