# For a request that takes about a second: long enough to be in flight when its node is told to stop.

resource Parcel {}

# Never so: three parcels of which each weighs less than the next, in a circle. Only trying them all tells.
in_a_circle(first: Parcel) if
  second matches Parcel and third matches Parcel and
  weighs(first, x) and weighs(second, y) and weighs(third, z) and
  x matches Integer and y matches Integer and z matches Integer and
  x < y and y < z and z < x;
