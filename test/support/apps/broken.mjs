throw new Error('from its top level')
